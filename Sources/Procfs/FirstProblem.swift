// Devices are read one after another, and what is wrong with one must not hide the others.

/// What went wrong in several readings. A file that is not as it should be costs itself: it is noted in `SkippedRows`.
/// Another error, such as no descriptors left, says nothing about the file, and is thrown when the rest was served.
package struct FirstProblem {
    private var unreadable: KernelFileError?
    private var malformed: KernelFileError?
    private var hasRead = false

    package init() {}

    package var isNone: Bool { unreadable == nil && malformed == nil }
    /// How many readings went wrong.
    package private(set) var count = 0

    /// nil when it could not be read.
    package mutating func noted<Value>(_ body: () throws(KernelFileError) -> Value?) -> Value? {
        do throws(KernelFileError) {
            let value = try body()
            if value != nil { hasRead = true }
            return value
        } catch {
            note(error)
            return nil
        }
    }

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
        switch error {
        case .unreadable: if unreadable == nil { unreadable = error }
        case .malformed(let path, let problem):
            SkippedRows.note(of: path, problem)
            if malformed == nil { malformed = error }
        }
    }

    /// Throws what could not be read, or when all that was read was odd.
    package func throwFirst() throws(KernelFileError) {
        if let unreadable { throw unreadable }
        if let malformed, !hasRead { throw malformed }
    }
}
