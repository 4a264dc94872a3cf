// Devices are read one after another, and what is wrong with one must not hide the others.

/// What went wrong in several readings. A file that cannot be read, or holds what it should not, costs itself: it is
/// noted in `SkippedRows`. That this process has no descriptors or memory left says nothing about the file, and is
/// thrown when the rest was served.
package struct FirstProblem {
    private var shortage: KernelFileError?
    private var odd: KernelFileError?
    private var hasRead = false

    package init() {}

    package var isNone: Bool { count == 0 }
    /// How many readings went wrong.
    package private(set) var count = 0

    package mutating func keep(from body: () throws(KernelFileError) -> Void) {
        do throws(KernelFileError) {
            try body()
            hasRead = true
        } catch { note(error) }
    }

    /// For readings that come without a closure: one went well.
    package mutating func noteSuccess() { hasRead = true }

    package mutating func note(_ error: KernelFileError) {
        count += 1
        if error.isShortage {
            if shortage == nil { shortage = error }
        } else {
            SkippedRows.note(error)
            if odd == nil { odd = error }
        }
    }

    /// Throws a shortage, or the first problem when nothing could be read.
    package func throwFirst() throws(KernelFileError) {
        if let shortage { throw shortage }
        if let odd, !hasRead { throw odd }
    }
}
