# `make` alone lists the commands.
# Plain `=`, not `?=`: some shells export HOST as the machine's name, and nothing may be open by chance.
HOST = 127.0.0.1
PORT = 8000
ARGS =
BIN = .venv/bin

.PHONY: help setup demo test fuzz check format bench lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo [PORT=8000] [HOST=127.0.0.1]   安装缺少的软件，载入演示县，启动服务；Ctrl-C 停止"
	@echo "make test [ARGS='tests/test_x.py -k y']  安装缺少的软件，运行全部测试"
	@echo "make fuzz [FUZZ=60]  按接口说明生成大量正确和错误的请求，看有没有出错"
	@echo "make check     格式、代码规范、类型、结构、依赖的已知漏洞（问得到时）"
	@echo "make format    整理代码格式"
	@echo "make bench     性能对比"
	@echo "make setup     只安装，不启动"
	@echo "make lock      重新锁定 Python 软件包的版本"
	@echo "make clean     删除安装和生成的文件；数据（.mapsvc）保留"

setup:
	@bash tools/setup

demo: setup
	@exec $(BIN)/mapsvc demo --host $(HOST) --port $(PORT)

# Compiled modules are kept: the tests start some sixty processes, each seconds sooner with them.
# A test that fails runs once more, and is named at the end: docs/decisions/0024.
test:
	@bash tools/setup --test
	@PYTHONDONTWRITEBYTECODE= exec $(BIN)/python -m pytest -n 3 --dist loadfile --reruns 1 --max-suite-reruns 3 --rerun-show-tracebacks $(ARGS)

FUZZ = 60
fuzz:
	@bash tools/setup --test
	@FUZZ=$(FUZZ) exec $(BIN)/python -m pytest tests/test_fuzz.py $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	bash tools/guard
	bash tools/audit

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	@exec $(BIN)/python -m bench $(ARGS)

# The first has the development tools too; the second is what the service image installs.
COMPILE = UV_PYTHON_DOWNLOADS=never .tools/bin/uv pip compile --quiet --universal --generate-hashes \
	--no-emit-index-url --python-version 3.11 $(ARGS) pyproject.toml

lock: setup
	$(COMPILE) --group dev -o requirements.lock
	echo hatchling | $(COMPILE) - --constraints requirements.lock -o requirements-image.lock

clean:
	rm -rf .tools .venv web/node_modules mapsvc/static/build *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
