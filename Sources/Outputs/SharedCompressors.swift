// Compressors that all routes have in common. One takes 256 KiB, and is needed for some milliseconds of a delivery that
// may take seconds: one for each lane of a hundred routes would be 50 MiB.

internal import Bytes
internal import Synchronization

/// One of them. Who finds it busy waits for its user's text to be done; nobody waits for the world while he has it.
final class SharedCompressor: Sendable {
    /// Of each level. More would not be at work at the same time on most hosts.
    private static let limit = 8

    private struct Level: Sendable {
        var compressors: [SharedCompressor] = []
        var next = 0
    }

    private static let levels = Mutex<[Int: Level]>([:])

    private let level: Int
    /// Made when it is first needed.
    private let gzip = Mutex<GzipCompressor?>(nil)

    private init(level: Int) { self.level = level }

    /// One after another, so that the lanes of a route have different ones.
    static func next(level: Int) -> SharedCompressor {
        levels.withLock { levels in
            var known = levels[level] ?? Level()
            defer { levels[level] = known }
            if known.compressors.count < limit {
                known.compressors.append(SharedCompressor(level: level))
                return known.compressors[known.compressors.count - 1]
            }
            known.next = (known.next + 1) % limit
            return known.compressors[known.next]
        }
    }

    /// Appends `input`, compressed, to `output`: one complete gzip member.
    func compress(_ input: [UInt8], into output: inout [UInt8]) {
        gzip.withLock { gzip in
            let compressor = gzip ?? GzipCompressor(level: level)
            gzip = compressor
            compressor.compress(input, into: &output)
        }
    }
}
