// Responsible for: what the build knew of its source. Must not know: anything else.
#include "build.h"

const char *tandem_commit(void) { return TANDEM_COMMIT; }
