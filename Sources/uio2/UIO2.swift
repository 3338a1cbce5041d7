import ArgumentParser

@main
struct UIO2: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uio2", abstract: "Unified-IO 2 as the brain of a robot arm: serve a policy, fly it in simulation, inspect it.")
}
