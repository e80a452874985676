# Runs PROGRAM and fails unless it exits with 0 and prints exactly what EXPECTED holds.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed RESULT_VARIABLE code)
file(READ ${EXPECTED} wanted)
if(NOT code EQUAL 0 OR NOT printed STREQUAL wanted)
    message(FATAL_ERROR "exit code ${code}, printed:\n${printed}\nexpected:\n${wanted}")
endif()
