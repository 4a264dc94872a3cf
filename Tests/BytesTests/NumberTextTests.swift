import TestSupport
import Testing

@testable import Bytes

@Suite struct NumberTextTests {
    @Test(arguments: [
        (0.0, "0"), (-0.0, "-0"), (1, "1"), (-1.5, "-1.5"), (0.29, "0.29"), (12345.67, "12345.67"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e21, "1e+21"), (9_007_199_254_740_992, "9007199254740992"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        (.nan, "NaN"), (1.7e-5, "1.7e-05"),
    ]) func writesTheShortestText(value: Double, text: String) {
        var bytes: [UInt8] = []
        bytes.append(number: value)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test func readsBackAsTheSameNumber() {
        var random = SeededRandom()
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            var bytes: [UInt8] = []
            bytes.append(number: value)
            #expect(Double(String(decoding: bytes, as: UTF8.self)) == value, "seed \(random.seed)")
        }
    }
}
