"""The package's metadata is in pyproject.toml; this file is for those who call setup.py."""

from setuptools import setup

# Not in pyproject.toml: setuptools before 77, as in new venvs of Python 3.10 and 3.11, refuses a
# string there, and setuptools from 77 on deprecates a table.
setup(license="Apache-2.0")
