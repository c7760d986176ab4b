// The headers that Transport needs and Swift's Glibc module lacks: libzmq (Debian and Ubuntu: libzmq3-dev), epoll, and
// eventfd, by which another thread interrupts its poll. Must not hold anything of ours: no code, no constants.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <zmq.h>
