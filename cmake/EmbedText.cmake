# cmake -DINPUT=table.json -DSYMBOL=table -DOUTPUT=Table.cpp -P EmbedText.cmake: the file as a string,
# `extern const char *const SYMBOL`.
file(READ "${INPUT}" text)
file(WRITE "${OUTPUT}" "extern const char *const ${SYMBOL};
const char *const ${SYMBOL} = R\"text(${text})text\";
")
