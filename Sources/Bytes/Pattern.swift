// Regular expressions from the settings, by PCRE2: compiled by its JIT, with limits, so that none can stall the agent.

internal import CPCRE2

/// What the matching of one text found.
package enum PatternMatch: Equatable, Sendable {
    case matches, doesNotMatch
    /// The pattern needed more than a limit of `Pattern` allows. Counted by the caller; the text is not lost for it.
    case gaveUp
}

package struct PatternError: Error, Equatable, CustomStringConvertible {
    package let pattern: String
    /// Byte offset into the pattern.
    package let offset: Int
    package let reason: String

    package var description: String { "\(reason) at offset \(offset) of the pattern \(pattern)" }
}

/// A compiled pattern. Not `Sendable`: it has its own match data, and belongs to the component that uses it.
@safe package final class Pattern {
    /// Steps before a match is given up: enough for any sane pattern, a few milliseconds for the others.
    private static let matchLimit: UInt32 = 100_000
    /// Of these, how many may wait to be taken back at one time. The interpreter counts them; the JIT has a stack.
    private static let depthLimit: UInt32 = 50_000
    /// What the interpreter may use for them, and then keeps: as much as the JIT's stack. PCRE2 would allow 20 GB.
    private static let heapLimitKibibytes: UInt32 = 8 << 10

    package let text: String
    let code: OpaquePointer
    let data: OpaquePointer
    private let context: OpaquePointer
    /// The same for texts that are not UTF-8, made for the first of them. Without the JIT: where such texts are
    /// allowed, that of PCRE2 10.42 takes no character beyond ASCII for `\S`, `\W` or `\D`.
    private var tolerant: OpaquePointer?
    /// For the JIT, made when its own 32 KiB are not enough: a text in quotes of 2 KiB may need more.
    private var stack: OpaquePointer?
    /// Enough for such a pattern over the longest record.
    private static let stackLimit = 8 << 20

    /// Without the JIT, which a hardened kernel may forbid, the interpreter does the same, slower; for tests of that.
    package init(_ text: String, usesJIT: Bool = true) throws(PatternError) {
        self.text = text
        var errorCode: Int32 = 0
        var errorOffset = 0
        guard let compiled = unsafe Self.compile(text, 0, &errorCode, &errorOffset) else {
            var message = [UInt8](repeating: 0, count: 256)
            let length = unsafe message.withUnsafeMutableBufferPointer {
                unsafe pcre2_get_error_message_8(errorCode, $0.baseAddress, $0.count)
            }
            let reason = String(decoding: message.prefix(max(0, Int(length))), as: UTF8.self)
            throw PatternError(pattern: text, offset: errorOffset, reason: reason)
        }
        if usesJIT { unsafe _ = pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE)) }
        guard let data = unsafe pcre2_match_data_create_from_pattern_8(compiled, nil),
            let context = unsafe pcre2_match_context_create_8(nil)
        else { bug("no memory for a pattern") }
        unsafe _ = pcre2_set_match_limit_8(context, Self.matchLimit)
        unsafe _ = pcre2_set_depth_limit_8(context, Self.depthLimit)
        unsafe _ = pcre2_set_heap_limit_8(context, Self.heapLimitKibibytes)
        unsafe code = compiled
        unsafe self.data = data
        unsafe self.context = context
    }

    deinit {
        unsafe pcre2_match_data_free_8(data)
        unsafe pcre2_match_context_free_8(context)
        unsafe pcre2_code_free_8(code)
        unsafe pcre2_code_free_8(tolerant)
        unsafe pcre2_jit_stack_free_8(stack)
    }

    private static func compile(
        _ text: String, _ options: UInt32, _ errorCode: inout Int32, _ errorOffset: inout Int
    ) -> OpaquePointer? {
        unsafe Array(text.utf8).withUnsafeBufferPointer { text in
            unsafe pcre2_compile_8(
                text.baseAddress, text.count, UInt32(PCRE2_UTF) | PCRE2_NEVER_BACKSLASH_C | options, &errorCode,
                &errorOffset, nil)
        }
    }

    package func match(_ bytes: borrowing RawSpan) -> PatternMatch {
        match(bytes, from: 0, 0)
    }

    /// Looks from `start` on, with options of pcre2_match.
    func match(_ bytes: borrowing RawSpan, from start: Int, _ options: UInt32) -> PatternMatch {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            let text = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            // Of ASCII there is nothing to check, which is most of what there is.
            let check = unsafe isASCII(bytes) ? PCRE2_NO_UTF_CHECK : 0
            var result = unsafe pcre2_match_8(code, text, bytes.count, start, options | check, data, context)
            if result == PCRE2_ERROR_JIT_STACKLIMIT, enlargeStack() {
                result = unsafe pcre2_match_8(code, text, bytes.count, start, options | check, data, context)
            }
            guard (PCRE2_ERROR_UTF8_ERR21...PCRE2_ERROR_UTF8_ERR1).contains(result) else { return result }
            return unsafe pcre2_match_8(
                codeForAnyBytes(), text, bytes.count, start, options | PCRE2_NO_JIT, data, context)
        }
        if result >= 0 { return .matches }
        return result == PCRE2_ERROR_NOMATCH ? .doesNotMatch : .gaveUp
    }

    /// False when that was done before.
    private func enlargeStack() -> Bool {
        guard unsafe stack == nil, let larger = unsafe pcre2_jit_stack_create_8(32 << 10, Self.stackLimit, nil) else {
            return false
        }
        unsafe stack = larger
        unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(larger))
        return true
    }

    private func codeForAnyBytes() -> OpaquePointer {
        if let tolerant = unsafe tolerant { return unsafe tolerant }
        var errorCode: Int32 = 0
        var errorOffset = 0
        guard let compiled = unsafe Self.compile(text, PCRE2_MATCH_INVALID_UTF, &errorCode, &errorOffset) else {
            bug("a pattern that compiles only once: \(text)")
        }
        unsafe tolerant = compiled
        return unsafe compiled
    }

    /// The same for a part of an array; a look behind sees nothing of what stands before it.
    package func match(_ bytes: [UInt8], _ range: Range<Int>) -> PatternMatch {
        match(unsafe bytes.span.bytes.extracting(range))
    }

    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in unsafe match(bytes.span.bytes) == .matches }
    }
}
