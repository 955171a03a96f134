"""First class disks: disks with an id and a life of their own, and the managers of them."""
