import Glibc
import Platform
import Testing

@Suite struct OpenFileLimitTests {
    /// The whole process has it, so it is only raised here, and never lowered.
    @Test func isRaisedToWhatIsAllowed() {
        let before = openFileLimit()
        raiseOpenFileLimit()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(openFileLimit() == max(before, min(Int(clamping: limit.rlim_max), 65_536)))
        raiseOpenFileLimit()
        #expect(openFileLimit() >= before)
    }
}
