// Logs that all begin with the same banner, longer than the first bytes by which a file is known.

/// A suite that writes and reads such logs.
protocol AlikeLogs {}

extension AlikeLogs {
    var banner: String { String(repeating: "= the same banner in each of them\n", count: 50) }

    /// `count` lines under a banner.
    func log(_ name: String, _ count: Int = 40) -> String { banner + (0..<count).map { "\(name) \($0)\n" }.joined() }

    func lines(_ name: String, _ range: Range<Int> = 0..<40) -> [String] { range.map { "\(name) \($0)" } }

    /// All lines but those of banners, once what is held back for a while has come, too.
    func readAll(_ world: FileWorld, looks: Int = 4) -> [String] {
        var all: [String] = []
        for _ in 0..<looks {
            all += world.read()
            world.advance(.seconds(11))
        }
        return all.filter { !$0.hasPrefix("=") }
    }
}
