"""
The benchmarks: what embedded FiGuard costs, as ratios to references measured in the same run.
"""
