# Asks instead of working, and ends well without an answer.
echo "Which colour shall the header have?"
