// What `vitals check` prints about one input or output.

package struct CheckReport: Sendable, Equatable {
    /// What was found: the files that a glob matches, the address that answers.
    package var notes: [String] = []
    /// What cannot work; any of these makes `vitals check` fail.
    package var problems: [String] = []

    package init() {}
}
