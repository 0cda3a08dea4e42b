# Holds the release workflow against what it must have, and prints the scripts of its steps for the shell to read.
require "yaml"

workflow = YAML.load_file(ARGV[0])
jobs = workflow.fetch("jobs")
# YAML takes the bare word `on` for true.
raise "on" unless (workflow[true] || workflow["on"]).fetch("push").fetch("tags") == ["v*"]
raise "permissions" unless workflow.fetch("permissions") == { "contents" => "read" }

targets = jobs.fetch("build").fetch("strategy").fetch("matrix").fetch("include").map { |row| row.fetch("target") }
wanted = %w[aarch64-apple-darwin aarch64-unknown-linux-musl x86_64-apple-darwin x86_64-pc-windows-msvc x86_64-unknown-linux-musl]
raise targets.inspect unless targets.sort == wanted

jobs.each do |name, job|
  raise "#{name}: no time limit" unless job["timeout-minutes"]

  missing = [job["needs"]].flatten.compact - jobs.keys
  raise "#{name} needs #{missing}" unless missing.empty?

  job.fetch("steps").each do |step|
    raise "#{name}: #{step}" unless step.key?("uses") ^ step.key?("run")
    raise "#{name}: #{step["uses"]} has no version" if step["uses"] && step["uses"] !~ /@(v\d+|\h{40})\z/

    puts step["run"], "" if step["run"]
  end
end

# The key to sign with reaches one step, which runs our own script only, and no step prints it.
holders = jobs.values.flat_map { |job| [job, *job.fetch("steps")] }.select { |part| part["env"]&.value?("${{ secrets.MINISIGN_SECRET_KEY }}") }
raise "who has the key: #{holders}" unless holders.map { |step| step["run"] } == ["sh packaging/sign dist/*"]
raise "a script has a secret in it" if jobs.values.any? { |job| job["steps"].any? { |step| step["run"]&.include?("secrets.") } }

steps = jobs.fetch("publish").fetch("steps").map { |step| step["run"] || step["uses"] }
order = ["SHA256SUMS", "packaging/sign", "gh release create"].map { |word| steps.index { |step| step.include?(word) } }
raise "sums, signatures, draft: #{order}" unless order.all? && order == order.sort

text = File.read(ARGV[0])
raise "an unsigned build is noticed late" unless text.index("secrets.MINISIGN_SECRET_KEY != ''") < text.index("cargo build")
%w[SHA256SUMS cyclonedx attest-build-provenance homebrew/fill].each { |word| raise "no #{word}" unless text.include?(word) }
