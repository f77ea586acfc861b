"""The bundled data files; README.md says where they come from and under which licence."""
