// Reading a kernel file in a collector: the errors become those of the collector.

internal import Bytes
internal import Procfs

extension KernelFile {
    /// For a file without which there is nothing to serve.
    func value<Value>(_ parse: (inout ByteCursor) throws(ParseError) -> Value) throws(CollectError) -> Value {
        guard let value = try valueIfThere(parse) else { throw .absent("this kernel has no \(path)") }
        return value
    }

    /// nil when this kernel has no such file.
    func valueIfThere<Value>(_ parse: (inout ByteCursor) throws(ParseError) -> Value) throws(CollectError) -> Value? {
        do throws(KernelFileError) { return try read(parse) } catch { throw CollectError(error) }
    }
}

/// Reads attributes of devices, or what else has the errors of a kernel file.
func reading<Value>(_ body: () throws(KernelFileError) -> Value) throws(CollectError) -> Value {
    do throws(KernelFileError) { return try body() } catch { throw CollectError(error) }
}

extension FirstProblem {
    /// nil when it could not be read. Stands here, since generic code is specialised within a module alone: some hosts
    /// have a thousand attributes.
    mutating func noted<Value>(_ body: () throws(KernelFileError) -> Value?) -> Value? {
        do throws(KernelFileError) {
            let value = try body()
            if value != nil { noteSuccess() }
            return value
        } catch {
            note(error)
            return nil
        }
    }

    /// Of one file among several; nil when it could not be read. `.absent` when this kernel has no such file, and
    /// nothing went wrong with another.
    mutating func noted<Value>(
        _ file: KernelFile, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(CollectError) -> Value? {
        let value = noted { () throws(KernelFileError) in try file.read(parse) }
        if value == nil, isNone { throw .absent("this kernel has no \(file.path)") }
        return value
    }

    /// The same as an error of a collector.
    func throwIfAny() throws(CollectError) {
        do throws(KernelFileError) { try throwFirst() } catch { throw CollectError(error) }
    }
}
