"""
The sandbox in which both workers live.

Reading order: `syscalls` (the door to the kernel) · `limits`, `landlock`, `seccomp` (one layer
each) · `seal` (their order) · `lure`, `attempts`, `probes` (does it hold?) · `manifest`
(what is mounted is what is hashed) · `channel` (frames) · `boot` (inside) · `launch` (outside)
· `tiers` (what this machine can do) · `battery` (the same, shown to a reader).
"""
