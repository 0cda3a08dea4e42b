# Runs the formula as Homebrew does, as far as the formula goes: `ruby brew.rb FORMULA BINARY PREFIX`. What it says in its class body, in
# `service do` and in `install` must be words that Homebrew has, with values of the right kind; then its `test do` is run. BINARY is what
# `cargo install` made; nothing is built again.
require "fileutils"
require "pathname"

class Pathname
  def install(*paths)
    mkpath
    paths.flatten.each { |path| FileUtils.cp(path, self) }
  end
end

# https://rubydoc.brew.sh/Homebrew/Service.html
class Service
  attr_reader :said

  def initialize(formula)
    @formula = formula
    @said = {}
  end

  { run: Array, run_type: Symbol, cron: String, process_type: Symbol, environment_variables: Hash, log_path: Pathname,
    error_log_path: Pathname }.each do |name, kind|
    define_method(name) do |value|
      raise TypeError, "service #{name}: #{value.inspect}" unless value.is_a?(kind)

      @said[name] = value
    end
  end

  def run_at_load(value)
    raise TypeError, "run_at_load" unless [true, false].include?(value)

    @said[:run_at_load] = value
  end

  def opt_bin = @formula.prefix/"opt/keyrotate/bin"
  def var = @formula.prefix/"var"
  def std_service_path_env = "/usr/bin:/bin"
end

# https://rubydoc.brew.sh/Formula.html
class Formula
  class << self
    attr_reader :said, :service_block, :test_block

    %i[desc homepage url sha256 license depends_on].each do |name|
      define_method(name) { |value| (@said ||= {})[name] = value }
    end

    def service(&block) = @service_block = block
    def test(&block) = @test_block = block
  end

  attr_reader :prefix

  def initialize(binary, prefix)
    @binary = binary
    @prefix = Pathname(prefix)
  end

  def bin = prefix/"bin"
  def man1 = prefix/"share/man/man1"
  def buildpath = prefix/"build"
  def testpath = prefix/"test"
  def version = `#{@binary} --version`.split.last
  def std_cargo_args(root: prefix, path: ".") = ["--locked", "--root=#{root}", "--path=#{path}"]

  def system(*words)
    words = words.map(&:to_s)
    if words.first == "cargo"
      raise "cargo #{words}" unless words == ["cargo", "install", "--locked", "--root=#{prefix}", "--path=."]

      bin.mkpath
      FileUtils.cp(@binary, bin/"keyrotate")
    else
      raise "#{words} failed" unless Kernel.system(*words)
    end
  end

  # With `:clap` Homebrew asks by the variable COMPLETE, and writes these files.
  def generate_completions_from_executable(*words, shell_parameter_format:)
    raise "format" unless shell_parameter_format == :clap

    { "bash" => "etc/bash_completion.d/keyrotate", "zsh" => "share/zsh/site-functions/_keyrotate",
      "fish" => "share/fish/vendor_completions.d/keyrotate.fish" }.each do |shell, file|
      text = IO.popen({ "COMPLETE" => shell }, words.map(&:to_s), &:read)
      raise "no completions for #{shell}" if text.empty?
      raise "completions of one version: #{text}" if text.include?(prefix.to_s)

      (prefix/file).dirname.mkpath
      (prefix/file).write(text)
    end
  end

  def shell_output(command, expected = 0)
    text = `#{command}`
    raise "#{command}: exit code #{$?.exitstatus}, not #{expected}\n#{text}" unless $?.exitstatus == expected

    text
  end

  def assert_match(wanted, text)
    raise "no #{wanted.inspect} in #{text}" unless text.include?(wanted)
  end
end

formula_path, binary, prefix = ARGV
load formula_path
formula = Keyrotate.new(binary, prefix)
said = Keyrotate.said
raise "desc" unless said[:desc].length <= 80 && said[:desc] !~ /\A(a|an|the) |\.\z|keyrotate/i
raise "depends_on" unless said[:depends_on] == { "rust" => :build }
raise "url" unless said[:url].start_with?(said[:homepage]) && said[:url].include?("vVERSION")

service = Service.new(formula)
service.instance_eval(&Keyrotate.service_block)
minute, hour, *rest = service.said[:cron].split
# Homebrew takes integers and stars only.
raise "cron" unless Integer(minute).between?(0, 59) && Integer(hour).between?(0, 23) && rest == %w[* * *]
raise "service" unless service.said[:run_type] == :cron && service.said[:run_at_load] == false
raise "run" unless service.said[:run].map(&:to_s) == ["#{prefix}/opt/keyrotate/bin/keyrotate", "auto"]

formula.buildpath.mkpath
Dir.chdir(formula.buildpath) { formula.install }
raise "no manual" unless (formula.man1/"keyrotate.1").file? && (formula.man1/"keyrotate-timer-install.1").file?
raise "caveats" unless formula.caveats.include?("keyrotate timer install")

formula.testpath.mkpath
Dir.chdir(formula.testpath) { formula.instance_eval(&Keyrotate.test_block) }
puts "the formula installs and its test passes"
