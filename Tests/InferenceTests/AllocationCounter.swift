// Counts what the process takes from the heap.
//
// Responsible for: standing in for the allocating functions of the C library in the test program. They do what they did;
// while somebody counts, they count.
// Must not know: who counts. Nothing here may allocate, and nothing may need to be initialized: the first calls come
// before `main`.

import Synchronization

/// Calls of the allocating functions, by all threads of the process.
enum AllocationCounter {
    fileprivate static let isOn = Atomic<Bool>(false)
    fileprivate static let calls = Atomic<Int>(0)

    /// How often `body` allocates. One caller at a time.
    static func count(_ body: () throws -> Void) rethrows -> Int {
        calls.store(0, ordering: .sequentiallyConsistent)
        isOn.store(true, ordering: .sequentiallyConsistent)
        defer { isOn.store(false, ordering: .sequentiallyConsistent) }
        try body()
        return calls.load(ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    fileprivate static func note() {
        if isOn.load(ordering: .relaxed) { calls.add(1, ordering: .relaxed) }
    }
}

// What the C library itself calls its allocator.
@_silgen_name("__libc_malloc") private func libraryMalloc(_ size: Int) -> UnsafeMutableRawPointer?
@_silgen_name("__libc_calloc") private func libraryCalloc(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer?
@_silgen_name("__libc_realloc")
private func libraryRealloc(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer?
@_silgen_name("__libc_memalign") private func libraryMemalign(_ alignment: Int, _ size: Int) -> UnsafeMutableRawPointer?

// The compiler keeps the name `malloc` to itself: Package.swift has the linker give these functions their names.

@_cdecl("counting_malloc")
func countingMalloc(_ size: Int) -> UnsafeMutableRawPointer? {
    AllocationCounter.note()
    return libraryMalloc(size)
}

@_cdecl("counting_calloc")
func countingCalloc(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    AllocationCounter.note()
    return libraryCalloc(count, size)
}

@_cdecl("counting_realloc")
func countingRealloc(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
    AllocationCounter.note()
    return libraryRealloc(block, size)
}

@_cdecl("counting_aligned_alloc")
func countingAlignedAlloc(_ alignment: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    AllocationCounter.note()
    return libraryMemalign(alignment, size)
}

@_cdecl("counting_posix_memalign")
func countingPosixMemalign(
    _ block: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ size: Int
) -> Int32 {
    AllocationCounter.note()
    let (invalid, outOfMemory): (Int32, Int32) = (22, 12)  // EINVAL, ENOMEM
    guard alignment > 0, alignment & (alignment - 1) == 0, alignment % 8 == 0 else { return invalid }
    guard let memory = libraryMemalign(alignment, size) else { return outOfMemory }
    block.pointee = memory
    return 0
}
