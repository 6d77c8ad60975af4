# Claims success and has done nothing.
exit 0
