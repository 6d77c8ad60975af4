# Holds the lock of file $2 for its life, signs the ledger $1 at both ends, stays $3 s and
# exits with $4. A second one of the same task that lives at the same time signs "double".
exec 9>> "$2"
flock -n 9 || echo "double $KIMI_SWARM_SESSION" >> "$1"
echo "start $KIMI_SWARM_SESSION" >> "$1"
echo "work of $KIMI_SWARM_SESSION" > "$KIMI_SWARM_TASK.txt"
sleep "$3"
echo "end $KIMI_SWARM_SESSION $4" >> "$1"
exit "$4"
