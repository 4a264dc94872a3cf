// /proc/cgroups: controllers of control groups. See cgroups(7).
//
//     #subsys_name    hierarchy       num_cgroups     enabled
//     cpuset  0       214     1

package import Bytes

package struct CgroupController: Equatable, Sendable {
    package var name: String
    package var groupCount: UInt64
    package var isEnabled: Bool

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [CgroupController] {
        guard text.skip("#subsys_name") else { throw text.error("#subsys_name hierarchy num_cgroups enabled") }
        text.skipToNextLine()
        var controllers: [CgroupController] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let expected = "<name> <hierarchy> <num_cgroups> <enabled>"
                let name = text.word()
                guard !name.isEmpty else { throw text.error(expected) }
                _ = try text.column(expected)
                controllers.append(
                    CgroupController(
                        name: text.text(name), groupCount: try text.column(expected),
                        isEnabled: try text.column(expected) != 0))
            }
        }
        return controllers
    }
}
