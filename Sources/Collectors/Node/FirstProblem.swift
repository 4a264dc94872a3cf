// Devices are read one after another, and what is wrong with one must not hide the others.

internal import Procfs

/// The first error of several readings: thrown when all of them are done.
struct FirstProblem {
    private var error: KernelFileError?

    mutating func keep(from body: () throws(KernelFileError) -> Void) {
        do throws(KernelFileError) { try body() } catch { if self.error == nil { self.error = error } }
    }

    func rethrow() throws(CollectError) {
        if let error { throw CollectError(error) }
    }
}
