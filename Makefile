# The virtual environment's Python; README's commands make it.
PYTHON ?= .venv/bin/python

.PHONY: check format lint types tests train-scratch train-default train-fast train-flownets train-flownetc
check: lint types tests

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

# A core computes each test; more than four of them at once take much memory.
tests:
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n auto --maxprocesses 4 --dist worksteal

# How the shipped flow models were trained (checkpoints/README.md says on what and for how long); VIDEOS is a folder of
# videos, PHOTOS one of pictures. A GPU can afford longer runs: STEPS=20 multiplies the steps of every stage.
VIDEOS ?= videos
PHOTOS ?= photos
RUNS ?= runs
STEPS ?= 1
train = $(dir $(PYTHON))vfi train corpus $(VIDEOS) --run $(RUNS)/$(1) --steps $$(( $(2) * $(STEPS) ))
flow_alone = --crop 128 --shrink 2 --frame-weight 0 --level-weight 1
whole = --crop 192 --spans 2,2,2,3,4,6 --static 0.8 --loss laplacian+0.04*psnr
confident = --batch 2 --crop 352 --freeze unet --freeze context --loss psnr --level-weight 0 --teacher-weight 0 \
  --lr 3e-3 --warmup 20 --ema 0.98
fast = {"start": "dis", "refine_levels": 0, "fusion": [24, 40, 56], "context": [12, 24, 40], "sparing": true

train-scratch:
	$(call train,scratch-half,2400) $(flow_alone) --lr 8e-4 --teacher-weight 0.05
	$(call train,scratch,2100) $(flow_alone) --lr 7e-4 --teacher-weight 0.04 --spans 2,2,3,3,4,4,5,6,8 \
	  --init $(RUNS)/scratch-half/model.safetensors

train-default: train-scratch
	$(call train,flow-fusion-sharp,3100) $(whole) --model-config '{"start": "dis", "refine_levels": 3}' \
	  --init $(RUNS)/scratch/model.safetensors --anew flow.stage.head \
	  --batch 4 --synthetic 0.15 --level-weight 0.3 --teacher-weight 0.01 --lr 4e-4
	$(call train,flow-fusion,1500) $(confident) --model-config '{"start": "dis", "refine_levels": 3, "confidence": 24}' \
	  --init $(RUNS)/flow-fusion-sharp/model.safetensors --freeze flow

train-fast:
	$(call train,fast-sharp,1350) $(whole) --model-config '$(fast)}' \
	  --batch 6 --synthetic 0.1 --teacher-weight 0 --lr 8e-4
	$(call train,fast,900) $(confident) --model-config '$(fast), "confidence": 16}' \
	  --init $(RUNS)/fast-sharp/model.safetensors
	$(call train,faster,1000) $(whole) --model-config '$(fast), "confidence": 16, "fine": 129600}' \
	  --batch 3 --crop 384 --synthetic 0.1 --teacher-weight 0 --lr 4e-4 --warmup 20 --ema 0.99 \
	  --init $(RUNS)/fast/model.safetensors

# Checkpoints without their ending, .safetensors: the mean of some, and one in half the bytes.
average = $(PYTHON) -c "from pathlib import Path; from flow.checkpoint import average_checkpoints as mean; \
  mean([Path(f'{name}.safetensors') for name in '$(1)'.split()], Path('$(2).safetensors'))"
halve = $(PYTHON) -c "from pathlib import Path; from flow.checkpoint import halve_checkpoint as halve; \
  halve(Path('$(1).safetensors'), Path('$(2).safetensors'))"

# FlowNetS on made-up scenes of a quarter, half and all of the size; the same command goes on with an interrupted run.
flownets = $(dir $(PYTHON))vfi flow train synthetic:$(PHOTOS) --model flownets --width 0.375 --run $(RUNS)/flownets-$(1) \
  --steps $$(( $(2) * $(STEPS) )) --schedule constant --optimizer muon --ema 0.99 --precision bfloat16 --reuse 8 \
  --zoom 0.9,1.5 --light 0.3
at = $$(( $(1) * $(STEPS) ))
train-flownets:
	$(call flownets,quarter,310) --size 96,128 --crop 64,64 --batch 32 --lr 3e-3 --warmup 50 --validate-every 200
	$(call flownets,half,1204) --size 192,256 --crop 128,192 --batch 16 --lr 3e-3 --warmup 20 --validate-every 200 \
	  --milestones $(call at,574) --init $(RUNS)/flownets-quarter/model.safetensors
	$(call flownets,full,1201) --size 384,512 --crop 256,384 --batch 6 --lr 1.5e-3 --warmup 20 --validate-every 400 \
	  --milestones $(call at,514),$(call at,514),$(call at,1009) --init $(RUNS)/flownets-half/model.safetensors
	$(call flownets,low,1250) --size 384,512 --crop 256,384 --batch 8 --lr 3e-4 --warmup 30 --validate-every 200 \
	  --schedule linear --zoom 0.9,1.3 --seed 7 --init $(RUNS)/flownets-full/model.safetensors
	$(call halve,$(RUNS)/flownets-low/model,$(RUNS)/flownets)

# FlowNetC, whose features are told what corresponds to what, on scenes of the full size from the beginning.
flownetc = $(dir $(PYTHON))vfi flow train synthetic:$(PHOTOS) --model flownetc --width 0.375 --run $(RUNS)/flownetc-$(1) \
  --steps $(call at,$(2)) --schedule linear --optimizer muon --ema 0.99 --correspondence 5 --size 384,512 \
  --crop 256,384 --batch 4 --reuse 6 --zoom 0.9,1.5 --light 0.3 --validate-every 250
train-flownetc:
	$(call flownetc,first,4150) --lr 2e-3 --warmup 20 --precision bfloat16
	$(call flownetc,second,2000) --lr 1e-3 --warmup 30 --seed 11 --init $(RUNS)/flownetc-first/model.safetensors
	$(call flownetc,third,2200) --lr 5e-4 --warmup 30 --seed 12 --init $(RUNS)/flownetc-second/model.safetensors
	$(call flownetc,fourth,5200) --lr 8e-4 --warmup 30 --precision bfloat16 --seed 21 \
	  --init $(RUNS)/flownetc-third/model.safetensors
	$(call flownetc,fifth,1250) --lr 4e-4 --warmup 30 --precision bfloat16 --seed 22 \
	  --init $(RUNS)/flownetc-fourth/model.safetensors
	$(call flownetc,sixth,2800) --lr 6e-4 --warmup 30 --seed 31 --init $(RUNS)/flownetc-fifth/model.safetensors
	$(call average,$(RUNS)/flownetc-fifth/model $(RUNS)/flownetc-sixth/model,$(RUNS)/flownetc-mean)
	$(call flownetc,seventh,3600) --lr 8e-4 --warmup 30 --precision bfloat16 --seed 51 \
	  --init $(RUNS)/flownetc-mean.safetensors
	$(call average,$(RUNS)/flownetc-mean $(RUNS)/flownetc-seventh/model,$(RUNS)/flownetc-both)
	$(call halve,$(RUNS)/flownetc-both,$(RUNS)/flownetc)
