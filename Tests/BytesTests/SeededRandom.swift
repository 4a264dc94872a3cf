import Foundation

/// SplitMix64: the same numbers from the same seed. The seed is random, or that of VITALS_TEST_SEED; tests print it
/// when they fail.
struct SeededRandom: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init() {
        seed =
            ProcessInfo.processInfo.environment["VITALS_TEST_SEED"].flatMap { UInt64($0) }
            ?? .random(in: 0...UInt64.max)
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: ClosedRange<Int>, from alphabet: [UInt8]? = nil) -> [UInt8] {
        let count = Int.random(in: count, using: &self)
        return (0..<count).map { _ in
            if let alphabet {
                alphabet[Int.random(in: 0..<alphabet.count, using: &self)]
            } else {
                UInt8(truncatingIfNeeded: next())
            }
        }
    }
}
