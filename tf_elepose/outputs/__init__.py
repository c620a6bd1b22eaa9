"""Writers of lifted poses, one file format a module."""
