// What every parser must stand: each truncation of its fixtures, and fixtures with random bytes in them. It gives a
// value or a named error; a trap ends the whole test run. The seed is printed; VITALS_SEED sets it.

import Bytes
import TestSupport
import Testing

/// Runs `parse` on every truncation of each of `texts`, and on `rounds` random changes of each; expects each error to
/// name a line that exists and what was expected there. `use` may look at a value: reading it must not trap either.
func expectUnbroken<Value>(
    _ name: String, _ texts: [[UInt8]], rounds: Int = 300,
    _ parse: (inout ByteCursor) throws(ParseError) -> Value, use: (Value) -> Void = { _ in }
) {
    #expect(!texts.isEmpty, "\(name): no fixture")
    var errors = 0
    var values = 0
    func run(_ text: [UInt8]) {
        var cursor = ByteCursor(text)
        do throws(ParseError) {
            use(try parse(&cursor))
            values += 1
        } catch {
            errors += 1
            let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
            #expect(
                (1...lines).contains(error.line) && !error.expected.isEmpty,
                "\(name), seed \(SeededRandom.seed): \(error)")
        }
    }
    for text in texts {
        for count in 0...text.count { run(Array(text.prefix(count))) }
        var random = SeededRandom()
        for _ in 0..<rounds { run(mangled(text, &random)) }
    }
    #expect(values > 0, "\(name), seed \(SeededRandom.seed): not even the whole fixture gave a value")
}

/// What `parse` finds in all of `text`. A row that it leaves out is an error here.
func wholeValue<Value>(
    _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
) throws(ParseError) -> Value {
    var cursor = ByteCursor(text)
    let value: Value
    do throws(ParseError) { value = try parse(&cursor) } catch { throw cursor.rows.firstProblem ?? error }
    if let problem = cursor.rows.firstProblem { throw problem }
    return value
}

/// `text` with some bytes changed, a piece cut out, doubled, or replaced by noise.
private func mangled(_ text: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    guard !text.isEmpty else { return text }
    var text = text
    // Bytes that kernel files are made of find more than arbitrary ones do.
    let likely = Array("0123456789-:. \t\n()kB,".utf8)
    let start = Int.random(in: 0..<text.count, using: &random)
    let end = min(text.count, start + Int.random(in: 0...24, using: &random))
    switch Int.random(in: 0..<5, using: &random) {
    case 0:
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0 ... .max, using: &random)
        }
    case 1:
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            text[Int.random(in: 0..<text.count, using: &random)] = likely.randomElement(using: &random) ?? 0
        }
    case 2: text.removeSubrange(start..<end)
    case 3: text.insert(contentsOf: text[start..<end], at: start)
    default:
        text.replaceSubrange(
            start..<end,
            with: (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        )
    }
    return text
}
