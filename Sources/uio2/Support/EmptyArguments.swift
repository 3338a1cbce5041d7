import ArgumentParser

/// Arguments that are empty: as a path an empty text stands for the current folder, which nobody means who writes `--run "$FOLDER"`.
enum EmptyArguments {
  /// Options whose value is a text for the model; what is too little there, the commands say.
  private static let texts: Set<String> = ["--prompt", "--negative-prompt", "--text", "--option"]

  /// Refuses an empty value of an option, and an empty argument. (`--run=` the argument parser refuses itself.)
  static func check(_ arguments: some Sequence<String>) throws(ValidationError) {
    var before = ""
    for argument in arguments {
      if argument.isEmpty, !texts.contains(before) {
        throw ValidationError(
          before.hasPrefix("-") && before != "--"
            ? "\(before): what follows it is empty; give it a value, or leave it out."
            : "An argument is empty; give a name or a path in its place.")
      }
      before = argument
    }
  }
}
