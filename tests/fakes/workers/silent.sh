# Says nothing and stays until it is ended.
exec sleep 600
