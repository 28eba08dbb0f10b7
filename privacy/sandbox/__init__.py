"""
The sandbox in which both workers live.

Reading order: `syscalls` (the door to the kernel) · `limits`, `landlock`, `seccomp` (one layer
each) · `seal` (their order) · `lure`, `attempts`, `probes` (does it hold?) · `manifest`
(what is mounted is what is hashed) · `channel` (frames) · inside: `boot` (a zygote's beginning),
`forks` (its loop), `life` (of a worker), `control` (its one way to ask) · outside: `launchers`,
`tiers`, `remedies` (what this machine can do), `zygote`, `worker`, `launch` · `battery` (the
probes, shown to a reader).
"""
