"""What the kernel's packages show in the console: those below `base` cannot register themselves."""
