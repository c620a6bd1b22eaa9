"""Where poses come from and how they reach the device."""
