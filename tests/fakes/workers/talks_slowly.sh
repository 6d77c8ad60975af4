# Says $1 words, one every $2 seconds, and then is done.
word=0
while [ "$word" -lt "$1" ]; do
  word=$((word + 1))
  echo "word $word"
  sleep "$2"
done
