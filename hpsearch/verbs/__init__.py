"""The commands: one module each, with one public function of the command's name."""
