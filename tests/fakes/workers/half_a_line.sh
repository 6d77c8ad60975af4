# Writes half a line, and the other half when the file $1 is there.
printf 'first half'
until [ -e "$1" ]; do sleep 0.02; done
printf ' and second half\n'
