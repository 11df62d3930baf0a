"""What every room stands on and none of them is about: typed files, free numbers, package data."""
