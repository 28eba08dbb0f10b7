"""
What to do where a tier does not work, by the words in which bubblewrap refuses.

Ubuntu 23.10 and later confine unprivileged user namespaces by AppArmor [1]; Debian and
containers switch them off in other places.  A remedy is a command that can be copied.

[1] https://github.com/containers/bubblewrap/issues/632
"""

INSTALL_BUBBLEWRAP = "apt-get install bubblewrap"
OTHER_KERNEL = "run Linux 5.13 or later on x86_64 or aarch64 with Landlock switched on"
LOCK_MEMORY = (
    "lift the limit on locked memory, so that nothing of a worker reaches swap: `ulimit -l "
    "unlimited` before `clerestory keeper`, or LimitMEMLOCK=infinity in its unit"
)

_APPARMOR = (
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; or, for bubblewrap alone, printf "
    "'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap /usr/bin/bwrap "
    "flags=(unconfined) {\\n  userns,\\n}\\n' > /etc/apparmor.d/bwrap && apparmor_parser -r "
    "/etc/apparmor.d/bwrap"
)
_SWITCHED_OFF = (
    "sysctl -w kernel.unprivileged_userns_clone=1 on the host; in a container, run it with a "
    "seccomp profile that allows user namespaces"
)
_TOO_MANY = "sysctl -w user.max_user_namespaces=10000"
_CONTAINER = (
    "in a container, run it with --security-opt apparmor=unconfined --security-opt "
    "seccomp=unconfined, or be content with T1"
)

_WORDS = (
    ("Unknown option", "install bubblewrap 0.8 or later"),
    ("uid map", _APPARMOR),
    ("RTM_NEWADDR", _APPARMOR),
    ("namespace failed: Permission denied", _APPARMOR),
    ("No space left on device", _TOO_MANY),
    ("Failed to make / slave", _CONTAINER),
    ("pivot_root", _CONTAINER),
    ("Unexpected capabilities", "setcap -r /usr/bin/bwrap"),
    ("namespace", _SWITCHED_OFF),
)
"""Part of what was said → what to do; the first that fits."""


def for_bubblewrap(said: str) -> str:
    """What to do after bubblewrap said that."""
    look = "run `bwrap --unshare-all --ro-bind / / true` and see what it says"
    return next((remedy for words, remedy in _WORDS if words in said), look)
