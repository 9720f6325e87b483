"""Access: a usable copy made from the units. `lay_out` writes plain files and a site that opens from a folder."""
