// Devices are read one after another, and what is wrong with one must not hide the others.

internal import Procfs

/// The first error of several readings: thrown when all the rest was served.
struct FirstProblem {
    private var error: KernelFileError?

    /// nil when it could not be read.
    mutating func noted<Value>(_ body: () throws(KernelFileError) -> Value?) -> Value? {
        do throws(KernelFileError) { return try body() } catch {
            if self.error == nil { self.error = error }
            return nil
        }
    }

    mutating func keep(from body: () throws(KernelFileError) -> Void) {
        do throws(KernelFileError) { try body() } catch { if self.error == nil { self.error = error } }
    }

    var isNone: Bool { error == nil }

    func throwIfAny() throws(CollectError) {
        if let error { throw CollectError(error) }
    }
}
