// Responsible for: what the build knew of its source. Must not know: anything else.
#ifndef TANDEM_BUILD_H
#define TANDEM_BUILD_H

/// The first digits of the commit that was built, "+" behind them where files had changed since; "unknown" outside of a
/// checkout. Package.swift finds it out.
const char *tandem_commit(void);

#endif
