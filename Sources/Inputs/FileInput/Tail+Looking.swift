// What a look at a file that is followed tells, without a line being read.

internal import Bytes
internal import Logs
internal import Platform

extension Tail {
    /// Notes what a stat of its path said. True when there may be something to read.
    func noteStatus(_ status: FileStatus) -> Bool {
        if isCompressed {
            stage.isDeleted = status.linkCount == 0
            return reading?.inflating.incomplete?.seen != DiskState(status)
        }
        let isChanged = status.sizeBytes != sizeBytes || status.modifiedUnixNanoseconds != modifiedUnixNanoseconds
        stage.isDeleted = status.linkCount == 0
        return isChanged || writtenBytes != readOffset + UInt64(reading?.partial.bytes ?? 0)
    }

    /// Notes how far it has grown, so that the lag is true while nothing is read, and what a truncation takes is known.
    /// What identifies it grows with it: a file that was found empty could not be found again.
    func noteGrowth(through buffers: inout TailBuffers) {
        guard let reading, isOpen, !isCompressed else { return }
        do throws(Errno) {
            guard let status = try reading.file?.status(), status.sizeBytes > sizeBytes else { return }
            if print.isWhole {
                noteSize(status.sizeBytes)
            } else if compare(upTo: 0, through: &buffers.reader) == .same {
                noteInner(through: &buffers.reader)
            }
        } catch {
            // Reading it will fail too, and say so.
        }
    }

    /// Whether its content is still what was read. Of one that is not open, or cannot be truncated, that is taken for
    /// granted.
    func content(through buffers: inout TailBuffers) -> FilePrint.Match {
        guard isOpen, !isCompressed else { return .same }
        return compare(upTo: readOffset, through: &buffers.reader)
    }
}
