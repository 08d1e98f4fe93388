# cmake -DFOLDER=page -DOUTPUT=Page.cpp -P EmbedPage.cmake: the page with its style and script as one
# string. The report itself takes the place of /*REPORT*/ later.
file(READ "${FOLDER}/page.html" page)
foreach(part STYLE:style.css SCRIPT:report.js)
  string(REPLACE ":" ";" part "${part}")
  list(GET part 0 mark)
  list(GET part 1 name)
  file(READ "${FOLDER}/${name}" text)
  string(REPLACE "/*${mark}*/" "${text}" page "${page}")
endforeach()
file(WRITE "${OUTPUT}" "extern const char *const reportPage;
const char *const reportPage = R\"page(${page})page\";
")
