#include "build.h"

const char *tandem_commit(void) { return TANDEM_COMMIT; }
