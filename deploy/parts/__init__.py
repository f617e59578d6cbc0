"""The real servers that Vigil stands on, brought to a plain Debian machine and run from there.

One module a part. Each offers `install(say) -> Path` (unpacks or builds into the prefix, once; quick when it is there) and
`start(home, port, ...) -> Running` (a server on 127.0.0.1 whose data lives under `home`). Nothing outside the prefix and `home` is
touched, except that a part which only apt can bring (see `debian.install_system`) is installed on the machine when we are root.
"""
