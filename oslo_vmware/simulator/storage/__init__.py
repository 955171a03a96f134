"""What lies on datastores: files, and virtual disks made of files."""
