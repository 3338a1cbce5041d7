import ArgumentParser

/// Options that were given twice: the argument parser takes the last and says nothing of the others.
enum RepeatedOptions {
  /// Those that may be given as often as one likes.
  private static let repeatable: Set<String> = ["--image", "--listen", "--option", "--part", "--python-path"]

  /// Refuses an option that occurs twice among `arguments`.
  static func check(_ arguments: some Sequence<String>) throws(ValidationError) {
    var seen: Set<String> = []
    for argument in arguments {
      // What follows is no option any more.
      if argument == "--" { return }
      guard let name = name(of: argument), !repeatable.contains(name) else { continue }
      guard seen.insert(name).inserted else { throw ValidationError("\(name) is given twice; give it once.") }
    }
  }

  /// `--seed` of `--seed=3`; `-o` of `-o`; `nil` for what is no option.
  private static func name(of argument: String) -> String? {
    if argument.hasPrefix("--") { return String(argument.prefix { $0 != "=" }) }
    return argument == "-o" ? argument : nil
  }
}
