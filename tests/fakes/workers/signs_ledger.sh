# Signs the ledger $1 with its session, then stays until the file $2 is there.
echo "$KIMI_SWARM_SESSION" >> "$1"
until [ -e "$2" ]; do sleep 0.02; done
echo "work of $KIMI_SWARM_SESSION" > "$KIMI_SWARM_TASK.txt"
exit "${3:-0}"
